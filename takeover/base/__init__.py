"""What everything rests on: the errors that users see, files, paths, the console."""
