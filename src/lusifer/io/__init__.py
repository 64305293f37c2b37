"""Files: written aside and renamed, locked, hashed, on a disk or in an object store."""
