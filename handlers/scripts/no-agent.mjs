#!/usr/bin/env node
// Stands in where no agent was found: says so and fails as a configuration error, rather than pretending.
console.error('no agent was found: install claude, codex or gemini, or name one in config.yaml (agents:)');
process.exit(3);
