#!/usr/bin/env node
'use strict'
// CommonJS on purpose: one file, no ESM loader, no oclif on the hot path.
require('../dist/fast.cjs').fast(process.argv.slice(2), () => import('../dist/main.js'))
