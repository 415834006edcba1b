import {execute} from '@oclif/core'

// not awaited at top level: a closed stdout must not turn into "unsettled top-level await" (exit 13)
void execute({dir: import.meta.url})
