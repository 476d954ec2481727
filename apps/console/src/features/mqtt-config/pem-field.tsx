import { Button, FileButton, Textarea } from '@mantine/core';
import { texts } from '../../texts';
import type { FieldBinder } from './form-fields';

/** A certificate as PEM, typed, pasted or read from a file. */
export function PemField({ bind, field, description }: { bind: FieldBinder; field: string; description: string }) {
  const props = bind.text(field);
  const readFile = async (file: File | null) => {
    if (file) bind.write(field, await file.text());
  };
  return (
    <div>
      <Textarea
        {...props}
        description={description}
        placeholder="-----BEGIN CERTIFICATE-----"
        autosize
        minRows={2}
        maxRows={8}
        spellCheck={false}
        classNames={{ input: 'mono' }}
      />
      {!bind.readOnly && (
        <FileButton onChange={(file) => void readFile(file)} accept=".pem,.crt,.cer,application/x-pem-file">
          {(button) => (
            <Button {...button} variant="subtle" size="compact-xs" mt={4}>
              {texts.mqttConfig.readFile}
            </Button>
          )}
        </FileButton>
      )}
    </div>
  );
}
