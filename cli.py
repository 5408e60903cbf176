"""Starts the command line from a checkout: `python cli.py train digits-vae`."""

from genlatent.cli.main import run

if __name__ == "__main__":
    run()
