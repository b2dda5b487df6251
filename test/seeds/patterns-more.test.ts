import { runCases } from './case.js';
import { patterns } from './patterns-cases.js';

// The other half: each test file has two minutes.
runCases(patterns.filter((_one, index) => index % 2 === 1));
