"""``python -m nbcy``."""

from __future__ import annotations

import sys

from nbcy.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
