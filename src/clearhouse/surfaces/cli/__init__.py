"""The command line: verbs of the rooms, `--json` everywhere, errors in one line."""
