/** A part of the page that is fetched when it is opened first. */
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

export function Lazy({ load }: { load: () => Promise<ComponentType> }) {
  const [loaded, setLoaded] = useState<{ part: ComponentType } | null>(null);
  const [problem, setProblem] = useState("");
  // Each part has its own place on the page, and its own loader.
  useEffect(() => {
    load().then(
      (part) => setLoaded({ part }),
      (error: Error) => setProblem(error.message),
    );
  }, []);
  if (problem !== "") return <p class="problem">{problem}</p>;
  if (loaded === null) return null;
  const { part: Part } = loaded;
  return <Part />;
}
