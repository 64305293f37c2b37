"""The tests that a row of training data has to pass, one file a kind."""
