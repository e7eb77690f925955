"""One seam to language models: `Model.generate(request) -> reply`."""
