glassbox.lens("generate", () => ({}));
