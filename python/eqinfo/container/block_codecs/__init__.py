"""What blocks are coded with, a module each."""
