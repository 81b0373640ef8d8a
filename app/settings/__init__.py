"""The person's settings: what there is (`schema`), how it is kept (`store`), how old files become new (`migrations`).
No Qt."""
