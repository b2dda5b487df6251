import { runCases } from './case.js';
import { patterns } from './patterns-cases.js';

runCases(patterns.filter((_one, index) => index % 2 === 0));
