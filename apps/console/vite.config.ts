import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { firstLoadBudget } from './build/first-load-budget';
import { mantineVariables } from './build/mantine-variables';

/** `npm run dev` forwards the API to an orchestrator that runs beside it. */
const orchestratorUrl = process.env.ORCHESTRATOR_URL ?? 'http://127.0.0.1:8004';

export default defineConfig({
  plugins: [react(), mantineVariables(), firstLoadBudget({ max_kB: 250 })],
  build: {
    target: 'es2023',
    sourcemap: false,
    // No data: URLs, which the Content-Security-Policy would have to allow.
    assetsInlineLimit: 0,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: 'react', test: /node_modules[\\/](react|react-dom|scheduler|react-router)[\\/]/ },
            { name: 'editor', test: /node_modules[\\/](@codemirror|@lezer|style-mod|w3c-keyname|crelt)[\\/]/ },
          ],
        },
      },
    },
  },
  worker: { format: 'es' },
  server: {
    proxy: {
      '/api': { target: orchestratorUrl, changeOrigin: false },
      '/admin': { target: orchestratorUrl, changeOrigin: false },
      '/docs': { target: orchestratorUrl, changeOrigin: false },
    },
  },
});
