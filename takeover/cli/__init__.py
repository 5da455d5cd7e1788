"""The console command `takeover` and its subcommands."""
