"""The command line: ``occ-pipeline``."""


def main() -> None:
    """Entry point. Imports nothing until it is called: processes that a run starts import this module again."""
    from .main import main as program

    program()
