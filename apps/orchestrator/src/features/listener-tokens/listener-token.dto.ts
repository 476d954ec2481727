import { IsInt, IsString } from 'class-validator';
import { BearerTokenView } from '../../http/bearer-token.dto';

export class ListenerTokenView extends BearerTokenView {
  @IsInt()
  product_id!: number;
}

export class CreatedListenerTokenView extends ListenerTokenView {
  /** `LISTENER_TOKEN` of a listener; shown this once. */
  @IsString()
  token!: string;
}
