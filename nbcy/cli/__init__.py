"""The command line: one module a subcommand, imported when it is used.

In: words. Out: files, lines on the terminal, an exit status.
"""
