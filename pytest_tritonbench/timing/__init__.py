"""How fast it is: device time, and its way into pytest-benchmark."""
