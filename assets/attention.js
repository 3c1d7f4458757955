glassbox.lens("attention", () => ({}));
