"""What pre-fills: pose models behind one protocol, by name in a catalog that loads torch only when a model is loaded."""
