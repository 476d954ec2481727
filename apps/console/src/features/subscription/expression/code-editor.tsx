import { closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from '@codemirror/language';
import { Annotation, Compartment, EditorState, type Extension } from '@codemirror/state';
import { EditorView, keymap, placeholder } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { useEffect, useRef } from 'react';
import classes from './code-editor.module.css';
import { typingOver } from './typing-over';

interface Props {
  value: string;
  onChange: (value: string) => void;
  label: string;
  /** Language, completion and the like; a stable array. */
  extensions: Extension;
  readOnly?: boolean;
  placeholder?: string;
  invalid?: boolean;
  minLines?: number;
  /** Takes the focus when it appears. */
  autoFocus?: boolean;
}

const highlighting = syntaxHighlighting(
  HighlightStyle.define([
    { tag: [tags.string, tags.special(tags.string)], color: 'var(--syntax-string)' },
    { tag: [tags.number, tags.bool, tags.null], color: 'var(--syntax-number)' },
    { tag: [tags.keyword, tags.operatorKeyword], color: 'var(--syntax-keyword)' },
    { tag: [tags.function(tags.variableName), tags.standard(tags.name)], color: 'var(--syntax-function)' },
    { tag: [tags.special(tags.variableName)], color: 'var(--syntax-keyword)' },
    { tag: [tags.variableName, tags.propertyName], color: 'var(--syntax-variable)' },
    { tag: tags.comment, color: 'var(--ink-faint)', fontStyle: 'italic' },
    { tag: [tags.operator, tags.punctuation], color: 'var(--ink-soft)' },
  ]),
);

const look = EditorView.theme({
  '&': { fontSize: '13px', backgroundColor: 'transparent', color: 'var(--ink)' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mantine-font-family-monospace)', lineHeight: '1.55', overflow: 'auto' },
  '.cm-content': { padding: '7px 0', caretColor: 'var(--ink)' },
  '.cm-line': { padding: '0 11px' },
  '.cm-cursor': { borderLeftColor: 'var(--ink)' },
  '.cm-placeholder': { color: 'var(--mantine-color-placeholder)' },
  '&.cm-focused .cm-matchingBracket': { backgroundColor: 'var(--accent-soft)', outline: '1px solid var(--accent)' },
  '.cm-tooltip': {
    backgroundColor: 'var(--surface-raised)',
    border: '1px solid var(--line-strong)',
    borderRadius: '7px',
    boxShadow: '0 8px 24px -8px rgb(10 16 30 / 0.35)',
    color: 'var(--ink)',
    overflow: 'hidden',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mantine-font-family-monospace)', maxHeight: '14em' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '3px 9px' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { backgroundColor: 'var(--accent-soft)', color: 'var(--ink)' },
  '.cm-completionDetail': { color: 'var(--ink-faint)', fontStyle: 'normal', marginLeft: '1em' },
  '.cm-completionInfo': { padding: '5px 9px', color: 'var(--ink-soft)', fontFamily: 'var(--mantine-font-family)' },
});

/** Marks a change that comes from the page and was not typed. */
const fromOutside = Annotation.define<true>();

/**
 * CodeMirror, in a shadow root: there it takes constructable style sheets, where in the page it would write a <style>
 * element that the Content-Security-Policy refuses. Tab leaves it, as in every other field.
 */
export function CodeEditor(props: Props) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const latest = useRef(props);
  latest.current = props;
  // What was typed and has not come back as `value` yet: while one types on, an older text comes back.
  const underway = useRef<string[]>([]);
  const compartments = useRef({ extensions: new Compartment(), access: new Compartment() });

  // biome-ignore lint/correctness/useExhaustiveDependencies: built once; what changes later is sent by the effects below
  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const root = element.shadowRoot ?? element.attachShadow({ mode: 'open' });
    const { extensions, access } = compartments.current;
    const editor = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: props.value,
        extensions: [
          history(),
          closeBrackets(),
          typingOver,
          bracketMatching(),
          indentOnInput(),
          highlighting,
          look,
          EditorView.lineWrapping,
          keymap.of([...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, ...defaultKeymap]),
          placeholder(props.placeholder ?? ''),
          EditorView.contentAttributes.of({ 'aria-label': props.label }),
          extensions.of(props.extensions),
          access.of(accessOf(props.readOnly ?? false)),
          EditorView.updateListener.of((update) => {
            if (!update.docChanged || update.transactions.some((one) => one.annotation(fromOutside))) return;
            const text = update.state.doc.toString();
            underway.current.push(text);
            latest.current.onChange(text);
          }),
        ],
      }),
    });
    view.current = editor;
    if (props.autoFocus) editor.focus();
    return () => {
      editor.destroy();
      view.current = null;
    };
  }, []);

  useEffect(() => {
    const editor = view.current;
    if (!editor) return;
    const { doc } = editor.state;
    const returned = underway.current.indexOf(props.value);
    if (doc.toString() !== props.value && returned >= 0) {
      underway.current.splice(0, returned + 1);
      return;
    }
    underway.current = [];
    if (doc.toString() === props.value) return;
    editor.dispatch({
      changes: { from: 0, to: doc.length, insert: props.value },
      annotations: fromOutside.of(true),
    });
  }, [props.value]);

  useEffect(() => {
    view.current?.dispatch({ effects: compartments.current.extensions.reconfigure(props.extensions) });
  }, [props.extensions]);

  useEffect(() => {
    view.current?.dispatch({ effects: compartments.current.access.reconfigure(accessOf(props.readOnly ?? false)) });
  }, [props.readOnly]);

  const lines = Math.max(props.minLines ?? 1, 1);
  return (
    <div
      ref={host}
      className={`${classes.editor} ${props.invalid ? classes.invalid : ''} ${props.readOnly ? classes.readOnly : ''}`}
      style={{ minHeight: `calc(${lines} * 20px + 16px)` }}
    />
  );
}

function accessOf(readOnly: boolean): Extension {
  return [EditorState.readOnly.of(readOnly), EditorView.editable.of(!readOnly)];
}
