"""What a language is and how it is written: codes, names, identification, sentences, words."""
