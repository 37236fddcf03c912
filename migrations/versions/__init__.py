"""One file for each step, in order. A file that has been released is never changed."""
