"""`python -m auditor` is the same program as `auditor`."""

from auditor.cli import main

if __name__ == "__main__":
    main()
