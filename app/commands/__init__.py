"""Subcommands of `porelight`; none of these modules imports Qt or torch when it is itself imported."""
