import { autocompletion, type CompletionContext } from '@codemirror/autocomplete';
import type { Extension } from '@codemirror/state';
import { useEffect, useMemo, useRef, useState } from 'react';
import { ToneIcon } from '../../../components/status-badge';
import { texts } from '../../../texts';
import type { SampleEnvelope } from '../sample-message';
import { CodeEditor } from './code-editor';
import { suggestionsAt } from './completions';
import { type Evaluation, placeOf } from './evaluation';
import { useEvaluator } from './evaluator-context';
import classes from './jsonata-editor.module.css';
import { jsonataLanguage } from './jsonata-language';

export interface JsonataEditorProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  sample: SampleEnvelope;
  readOnly?: boolean;
  error?: string;
  minLines?: number;
  placeholder?: string;
  autoFocus?: boolean;
}

const PAUSE_MS = 200;

/** An expression with highlighting, completion from the sample, and what it gives for the sample while one types. */
export default function JsonataEditor(props: JsonataEditorProps) {
  const { label, value, onChange, sample, readOnly, error } = props;
  const envelope = useRef(sample.envelope);
  envelope.current = sample.envelope;
  const extensions = useMemo<Extension>(
    () => [
      jsonataLanguage,
      autocompletion({ override: [(context) => complete(context, envelope.current)], icons: false }),
    ],
    [],
  );
  const result = useEvaluation(value, sample);
  return (
    <div className={classes.field}>
      <CodeEditor
        autoFocus={props.autoFocus}
        label={label}
        value={value}
        onChange={onChange}
        extensions={extensions}
        readOnly={readOnly}
        minLines={props.minLines}
        placeholder={props.placeholder}
        invalid={Boolean(error) || result?.state === 'fault'}
      />
      {error && (
        <div className={classes.error} role="alert">
          {error}
        </div>
      )}
      {value.trim() !== '' && <Result result={result} source={value} payloadFault={sample.payload_fault} />}
    </div>
  );
}

function complete(context: CompletionContext, envelope: Record<string, unknown>) {
  const before = context.state.doc.sliceString(0, context.pos);
  const found = suggestionsAt(before, envelope);
  if (!found || (!context.explicit && found.from === context.pos && !/[.$]$/.test(before))) return null;
  return {
    from: found.from,
    options: found.options.map((option) => ({
      label: option.label,
      type: option.kind === 'function' ? 'function' : 'property',
      detail: option.detail,
      info: option.info,
    })),
    validFor: /^[$`\w]*$/,
  };
}

function Result({
  result,
  source,
  payloadFault,
}: {
  result: Evaluation | null;
  source: string;
  payloadFault: string | null;
}) {
  const words = texts.subscription.result;
  if (payloadFault !== null) return <div className={classes.note}>{words.noSample}</div>;
  if (result === null) return <div className={classes.note}>{words.evaluating}</div>;
  switch (result.state) {
    case 'value':
      return (
        <div className={classes.result} aria-live="polite">
          <ToneIcon tone={result.json === null ? 'off' : 'ok'} size={14} />
          <span className={classes.note}>{words.gives}</span>
          {result.json === null ? (
            <span className={classes.note}>{words.nothing}</span>
          ) : (
            <pre className={classes.json}>{result.json}</pre>
          )}
        </div>
      );
    case 'fault': {
      const place = result.position === null ? null : placeOf(source, result.position);
      return (
        <div className={classes.fault} role="alert">
          <ToneIcon tone="bad" size={14} />
          <span>
            {result.message}
            {place && <span className={classes.note}> · {words.at(place.line, place.column)}</span>}
          </span>
        </div>
      );
    }
    case 'too-long':
      return (
        <div className={classes.fault} role="alert">
          <ToneIcon tone="bad" size={14} />
          {words.tooLong}
        </div>
      );
  }
}

function useEvaluation(expression: string, { envelope, payload_fault }: SampleEnvelope): Evaluation | null {
  const [result, setResult] = useState<Evaluation | null>(null);
  const evaluator = useEvaluator();
  const input = JSON.stringify(envelope);
  useEffect(() => {
    if (expression.trim() === '' || payload_fault !== null) return;
    let isCurrent = true;
    const timer = setTimeout(() => {
      void evaluator.evaluate(expression, JSON.parse(input)).then((outcome) => {
        if (isCurrent) setResult(outcome);
      });
    }, PAUSE_MS);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [evaluator, expression, input, payload_fault]);
  return result;
}
