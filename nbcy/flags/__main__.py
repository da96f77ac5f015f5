"""``python -m nbcy.flags``: the documentation's page of flags."""

from nbcy.flags.help import page

print(page(), end="")
