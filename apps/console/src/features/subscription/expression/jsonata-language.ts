import { StreamLanguage, type StreamParser } from '@codemirror/language';

interface State {
  comment: boolean;
}

const KEYWORDS = new Set(['and', 'or', 'in', 'function', 'true', 'false', 'null']);

/** Colours JSONata: strings, numbers, `$functions`, `$variables`, names, comments (docs.jsonata.org). */
export const jsonataParser: StreamParser<State> = {
  name: 'jsonata',
  startState: () => ({ comment: false }),
  token(stream, state) {
    if (state.comment) {
      if (stream.skipTo('*/')) {
        stream.match('*/');
        state.comment = false;
      } else stream.skipToEnd();
      return 'comment';
    }
    if (stream.eatSpace()) return null;
    if (stream.match('/*')) {
      state.comment = true;
      return 'comment';
    }
    if (stream.match(/^"(?:[^"\\]|\\.)*"?/) || stream.match(/^'(?:[^'\\]|\\.)*'?/)) return 'string';
    if (stream.match(/^`[^`]*`?/)) return 'variableName';
    if (stream.match(/^\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/)) return 'number';
    if (stream.match(/^\$\$?[A-Za-z_]\w*(?=\s*\()/)) return 'function';
    if (stream.match(/^\$\$?\w*/)) return 'special';
    const word = stream.match(/^[A-Za-z_]\w*/);
    if (word) {
      const [text = ''] = Array.isArray(word) ? word : [];
      return KEYWORDS.has(text) ? 'keyword' : 'variableName';
    }
    if (stream.match(/^(?:~>|:=|!=|<=|>=|\.\.|[-+*/%<>=&?:|^@#~])/)) return 'operator';
    stream.next();
    return 'punctuation';
  },
  languageData: {
    commentTokens: { block: { open: '/*', close: '*/' } },
    closeBrackets: { brackets: ['(', '[', '{', '"', "'"] },
  },
};

export const jsonataLanguage = StreamLanguage.define(jsonataParser);
