glassbox.lens("tokenizer", () => ({}));
