/** The software bill of materials, in CycloneDX's JSON form, made from the lock file alone. */
import { bunDependency, type Dependency, runtimeDependencies } from "./dependencies.ts";

export interface SbomSubject {
  name: string;
  version: string;
  license: string;
}

/** Without serial number or time: the same lock file gives the same bytes. */
export function sbom(subject: SbomSubject): object {
  const dependencies = runtimeDependencies();
  const bun = bunDependency();
  const reference = packageUrl(subject);
  const direct = dependencies.filter((dependency) => dependency.direct);
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.5.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
      component: {
        type: "application",
        "bom-ref": reference,
        name: subject.name,
        version: subject.version,
        licenses: licenses(subject.license),
        purl: reference,
      },
    },
    components: [bun, ...dependencies].map(component),
    dependencies: [
      { ref: reference, dependsOn: [bun, ...direct].map(packageUrl) },
      { ref: packageUrl(bun), dependsOn: [] },
      ...dependencies.map((dependency) => ({
        ref: packageUrl(dependency),
        dependsOn: dependency.needs.map(urlOf).toSorted(),
      })),
    ],
  };
}

function component(dependency: Dependency): object {
  const { name, version, license, integrity } = dependency;
  const hash = integrity.startsWith("sha512-") ? integrity.slice("sha512-".length) : "";
  return {
    type: name === "bun" ? "platform" : "library",
    "bom-ref": packageUrl(dependency),
    name,
    version,
    ...(hash !== "" && {
      hashes: [{ alg: "SHA-512", content: Buffer.from(hash, "base64").toString("hex") }],
    }),
    licenses: licenses(license),
    purl: packageUrl(dependency),
  };
}

function licenses(expression: string): object[] {
  return /[ (]/.test(expression) ? [{ expression }] : [{ license: { id: expression } }];
}

function urlOf(identifier: string): string {
  const at = identifier.lastIndexOf("@");
  return packageUrl({ name: identifier.slice(0, at), version: identifier.slice(at + 1) });
}

function packageUrl({ name, version }: { name: string; version: string }): string {
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}
