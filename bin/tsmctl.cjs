#!/usr/bin/env node
'use strict'
// CommonJS on purpose: one file, no ESM loader, no oclif on the hot path.
const argv = process.argv.slice(2)
const isReplay = [process.env.TSMCTL_HOST, ...argv].some(word => word?.startsWith('replay:'))
require(isReplay ? '../dist/fast-replay.cjs' : '../dist/fast.cjs').fast(argv, () => import('../dist/main.js'))
