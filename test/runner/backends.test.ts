import { agentBackendContract } from '../contract/agent-backend.js';

agentBackendContract('claude', { speaks: true });
agentBackendContract('codex', { speaks: true });
agentBackendContract('gemini', { speaks: true });
agentBackendContract('plain', { speaks: false });
