"""`python -m billflow` is `billflow`."""

from billflow.cli import main

if __name__ == "__main__":
    main()
