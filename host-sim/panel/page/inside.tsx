/** Shows the inside of the door: its pools, its packets and the sound of its call, as figures and as curves. */
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { Stats } from "../protocol.js";
import { useLink } from "./hooks.js";
import { link } from "./link.js";
import { useWords, wordOr } from "./words.js";

const CHART_PX = 130;

export function Inside() {
  const t = useWords();
  useLink("stats");
  const stats = link.stats[link.stats.length - 1];
  if (stats === undefined) return null;
  const isCalling = stats.verdict !== "";
  return (
    <section>
      <h2>{t("inside.title")}</h2>
      <h3>{t("inside.pools")}</h3>
      <dl class="pools">
        {stats.pools.map(({ name, used, size, most }) => (
          <div key={name}>
            <dt>{wordOr(t, "inside.pool." + name, name)}</dt>
            <dd>
              <span class="pool-bar" style={{ "--used": used / size, "--most": most / size }} />
              {t("inside.pool.of", { used, size, most })}
            </dd>
          </div>
        ))}
      </dl>
      <h3>{t("inside.sound")}</h3>
      {!isCalling && <p class="quiet">{t("inside.nocall")}</p>}
      {isCalling && (
        <>
          <p class={"verdict " + stats.verdict}>{wordOr(t, "inside.verdict." + stats.verdict, stats.verdict)}</p>
          <dl class="figures">
            <Figure name={t("inside.sent")} value={stats.rtpSent} />
            <Figure name={t("inside.received")} value={stats.rtpReceived} />
            <Figure name={t("inside.lost")} value={stats.rtpLost} />
            <Figure name={t("inside.late")} value={stats.rtpLate} />
            <Figure name={t("inside.jitter")} value={stats.jitterMs + " ms"} />
            <Figure name={t("inside.buffer")} value={stats.bufferMs + " ms"} />
            <Figure name={t("inside.trip")} value={stats.tripMs < 0 ? "–" : stats.tripMs + " ms"} />
          </dl>
        </>
      )}
      <Chart
        title={t("inside.chart.sound")}
        curves={[
          [t("inside.jitter"), (s) => below(s.jitterMs)],
          [t("inside.buffer"), (s) => below(s.bufferMs)],
        ]}
      />
      <Chart
        title={t("inside.chart.packets")}
        curves={[
          [t("inside.sent"), (s, before) => Math.max(0, s.rtpSent - (before?.rtpSent ?? s.rtpSent))],
          [t("inside.received"), (s, before) => Math.max(0, s.rtpReceived - (before?.rtpReceived ?? s.rtpReceived))],
        ]}
      />
      <Chart
        title={t("inside.chart.pools")}
        curves={stats.pools.map(({ name }, index) => [
          wordOr(t, "inside.pool." + name, name),
          (s) => s.pools[index]?.used ?? 0,
        ])}
      />
      <h3>{t("inside.messages")}</h3>
      <dl class="figures">
        <Figure name={t("inside.sent")} value={stats.sent} />
        <Figure name={t("inside.received")} value={stats.received} />
        <Figure name={t("inside.retransmitted")} value={stats.retransmitted} />
        <Figure name={t("inside.malformed")} value={stats.malformed} />
        <Figure name={t("inside.heap")} value={(stats.heapKb / 1024).toFixed(1) + " MB"} />
        <Figure name={t("inside.pages")} value={stats.pages} />
        <Figure name={t("inside.refused")} value={stats.refused} />
      </dl>
    </section>
  );
}

function below(ms: number): number | null {
  return ms < 0 ? null : ms;
}

function Figure({ name, value }: { name: string; value: number | string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

type Curve = [name: string, value: (stats: Stats, before: Stats | undefined) => number | null];
const COLOURS = ["#1a9e7a", "#3b82d6", "#d97706"];

function Chart({ title, curves }: { title: string; curves: readonly Curve[] }) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const data = (): uPlot.AlignedData => [
    link.stats.map(({ t }) => t / 1000),
    ...curves.map(([, value]) => link.stats.map((stats, index) => value(stats, link.stats[index - 1]))),
  ];
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const ink = getComputedStyle(element).color;
    const grid = { stroke: "rgba(127,140,150,.25)", width: 1 };
    const made = new uPlot(
      {
        width: element.clientWidth,
        height: CHART_PX,
        cursor: { show: false },
        legend: { show: false },
        scales: { x: { time: false }, y: { range: (_u, _min, max) => [0, Math.max(1, max * 1.1)] } },
        axes: [
          { stroke: ink, grid, size: 24, values: (_u, ticks) => ticks.map((tick) => tick + " s") },
          { stroke: ink, grid, size: 38 },
        ],
        series: [
          {},
          ...curves.map(([label], index) => ({ label, stroke: COLOURS[index], width: 1.8, points: { show: false } })),
        ],
      },
      data(),
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: CHART_PX }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, []);
  useEffect(() => plot.current?.setData(data()), [link.stats]);
  return (
    <figure class="chart">
      <figcaption>
        {title}
        {curves.map(([name], index) => (
          <span key={name} class="key">
            <i style={{ background: COLOURS[index] }} />
            {name}
          </span>
        ))}
      </figcaption>
      <div ref={place} aria-hidden="true" />
    </figure>
  );
}
