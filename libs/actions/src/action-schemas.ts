import type { ClassConstructor } from 'class-transformer';
import { RetryPolicy } from './action-base';
import type { ActionType as TypeName } from './action-definition';
import { ACTION_TYPES, actionTypeOf } from './action-registry';
import { BatchSettings, WebhookBatchSettings } from './batch/batch-settings';
import { classTransformerStorage, jsonSchema } from './on-demand';
import { ReplySettings } from './webhook/reply-settings';

/** What a form for one type of action is generated from. */
export interface ActionSchema {
  type: TypeName;
  title: string;
  description: string;
  /**
   * JSON Schema of a definition, from the class that validates it; whole, without references. Besides the usual keywords
   * `x-editor` is `jsonata`, `template`, `secret` (a name of one) or `sql`, and `x-multiline` is true where more than a line is usual.
   */
  schema: Record<string, unknown>;
}

/** Schemas of all types. */
export function actionSchemas(): ActionSchema[] {
  return ACTION_TYPES.flatMap((type) => {
    const entry = actionTypeOf(type);
    if (!entry) return [];
    const schema = schemaOf(entry.definition);
    const properties = schema.properties as Record<string, Record<string, unknown>>;
    properties.type = { ...properties.type, const: type };
    const { title, description } = properties.retry ?? {};
    properties.retry = { ...schemaOf(RetryPolicy), title, description };
    if (properties.batch) {
      const { title: named, description: told } = properties.batch;
      const settings = type === 'webhook' ? WebhookBatchSettings : BatchSettings;
      properties.batch = { ...schemaOf(settings), title: named, description: told };
    }
    if (properties.reply) {
      const { title: named, description: told } = properties.reply;
      properties.reply = { ...schemaOf(ReplySettings), title: named, description: told };
    }
    // The server fills in what is absent.
    const required = (schema.required as string[]).filter((field) => field !== 'id' && field !== 'enabled');
    return [
      {
        type,
        title: entry.title,
        description: entry.description,
        schema: { ...schema, required, additionalProperties: false },
      },
    ];
  });
}

function schemaOf(definition: ClassConstructor<object>): Record<string, unknown> {
  const { defaultMetadataStorage } = classTransformerStorage();
  const { targetConstructorToSchema } = jsonSchema();
  return { ...targetConstructorToSchema(definition, { classTransformerMetadataStorage: defaultMetadataStorage }) };
}
