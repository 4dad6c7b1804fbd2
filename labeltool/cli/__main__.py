"""`python -m labeltool.cli`."""

from labeltool.cli import main

main()
