import { json } from '@codemirror/lang-json';
import { CodeEditor } from './code-editor';

const extensions = [json()];

export interface JsonEditorProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  readOnly?: boolean;
  invalid?: boolean;
  minLines?: number;
}

/** JSON with highlighting. */
export default function JsonEditor(props: JsonEditorProps) {
  return <CodeEditor {...props} extensions={extensions} />;
}
