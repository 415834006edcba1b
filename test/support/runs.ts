/** How often the slow property tests draw: `TSMCTL_TEST_RUNS` multiplies it, for a machine that has the night. */
export const runs = (few: number): number => Math.ceil(few * Number(process.env['TSMCTL_TEST_RUNS'] ?? 1))
