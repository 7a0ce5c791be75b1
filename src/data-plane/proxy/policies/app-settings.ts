/** Keeps what an app says to the proxy about itself from clients, where apps may. */
import { appSettingsPath } from "../../../config/paths.ts";
import { PathScope } from "./path-scope.ts";
import type { PolicyFactory } from "./policy.ts";

export const appSettings: PolicyFactory = (service, { answers, appSettings: mayHave }) => {
  if (!mayHave) return null;
  const { pathPrefixes, stripPrefix } = service.options;
  const hidden = new PathScope(
    pathPrefixes.map((prefix) => {
      return stripPrefix && prefix !== "/" ? prefix + appSettingsPath : appSettingsPath;
    }),
  );
  return {
    logName: "app-settings",
    onRequest(request) {
      if (!hidden.mayMean(request)) return "pass";
      answers.page(request, "path-hidden");
      return "answered";
    },
  };
};
