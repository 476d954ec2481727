import { ACTION_TYPES } from './action-registry';
import { actionSchemas } from './action-schemas';

describe('actionSchemas', () => {
  it('describes every field of every type to people', () => {
    expect(actionSchemas().map(({ type }) => type)).toEqual(ACTION_TYPES);
    for (const { type, title, description, schema } of actionSchemas()) {
      expect(title && description).toBeTruthy();
      const properties = schema.properties as Record<string, Record<string, unknown>>;
      for (const [name, property] of Object.entries(properties)) {
        if (name === 'id' || name === 'type') continue;
        expect([`${type}.${name}`, typeof property.title, typeof property.description]).toEqual([
          `${type}.${name}`,
          'string',
          'string',
        ]);
      }
      expect(properties.type).toMatchObject({ const: type });
      expect(properties.retry).toMatchObject({ type: 'object', properties: { max_attempts: { minimum: 1 } } });
      expect(schema.required).toContain('type');
      expect(schema.required).not.toContain('id');
    }
  });

  it('has no reference that a form could not follow', () => {
    expect(JSON.stringify(actionSchemas())).not.toContain('$ref');
  });
});
