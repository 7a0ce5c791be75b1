/** How a figure moves over time: the slope of the straight line that fits it best. */

export interface Sample {
  minutes: number;
  value: number;
}

/** Change a minute; 0 for fewer than two samples. */
export function slope(samples: readonly Sample[]): number {
  const count = samples.length;
  if (count < 2) return 0;
  const mean = (of: (sample: Sample) => number): number =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / count;
  const meanMinutes = mean(({ minutes }) => minutes);
  const meanValue = mean(({ value }) => value);
  const spread = mean(({ minutes }) => (minutes - meanMinutes) ** 2);
  if (spread === 0) return 0;
  return mean(({ minutes, value }) => (minutes - meanMinutes) * (value - meanValue)) / spread;
}
