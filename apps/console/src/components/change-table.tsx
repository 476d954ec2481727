import { texts } from '../texts';
import classes from './change-table.module.css';

export interface ChangeRow {
  key: string;
  label: string;
  before: string;
  after: string;
}

/** From → to, a row a field; for something new only what it was given. */
export function ChangeTable({ rows, isNew = false }: { rows: ChangeRow[]; isNew?: boolean }) {
  return (
    <div className={classes.scroll}>
      <table className={classes.table}>
        <thead>
          <tr>
            <th scope="col">{texts.mqttConfig.field}</th>
            {!isNew && <th scope="col">{texts.mqttConfig.before}</th>}
            <th scope="col">{isNew ? texts.mqttConfig.value : texts.mqttConfig.after}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.key}>
              <th scope="row">{row.label}</th>
              {!isNew && (
                <td>
                  <del className={classes.before}>{row.before}</del>
                </td>
              )}
              <td>
                <ins className={classes.after}>{row.after}</ins>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
