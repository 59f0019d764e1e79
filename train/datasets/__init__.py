"""From labelled folders to batches: which images there are, which role and partner each has, and how they are read."""
