import { Input, Skeleton } from '@mantine/core';
import { lazy, Suspense } from 'react';
import type { JsonataEditorProps } from './jsonata-editor';

const JsonataEditor = lazy(() => import('./jsonata-editor'));

/** The JSONata editor under its label; its code is loaded when one is first shown. */
export function ExpressionField({ description, ...props }: JsonataEditorProps & { description?: string }) {
  return (
    <Input.Wrapper
      label={props.label}
      labelElement="div"
      description={description}
      inputWrapperOrder={['label', 'description', 'input']}
    >
      <Suspense fallback={<Skeleton height={38} />}>
        <JsonataEditor {...props} />
      </Suspense>
    </Input.Wrapper>
  );
}
