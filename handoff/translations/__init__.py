"""From content, templates and code to the catalogues of all languages, and how far these are."""
