"""The suite. A package, because a dependency installs a package called tests too, and that one would win."""
