"""Other people's weights in, and ours out: state dicts, folders of transformers, the Hub."""
