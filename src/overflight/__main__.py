"""`python -m overflight` is the command `overflight`."""

from overflight.cli import main

if __name__ == "__main__":
    main()
