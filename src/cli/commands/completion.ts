import { Argument, type Command } from 'commander';

export const register = (program: Command): void => {
  program
    .command('completion')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .description('a script that completes commands and options')
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const { completionFor } = await import('../completion.js');
      process.stdout.write(completionFor(program, shell));
    });
};
