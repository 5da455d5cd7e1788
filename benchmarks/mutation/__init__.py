"""What the library's own tests are worth: they must fail where its code is changed (`benchmarks.mutation`)."""
